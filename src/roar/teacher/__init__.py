"""A teacher: a model too slow to serve, that says how much order is left to learn, and hands on what it knows.

parts          which teacher may score which query: none scores a query that it saw, under any spelling
candidates     what is scored beside the judged products
cross_encoder  query and product read together, from the preset's own weights
training       one teacher of one part, resumable
cross_fitting  all folds and parts: scores of train queries, and a run of the held-out ones
gate           whether the teacher is better than its student to be

The table of scores, this teacher's or another's, is read by `roar.training_sets.teacher_scores`.
"""
