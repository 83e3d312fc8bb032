"""What `roar.retrieval.SearchIndex` is made of.

state     what is in memory, never changed: a change puts another one in its place
ids       where an id stands
build     a catalogue as a state
search    from a query's vector to the best rows
changes   products put in and taken out: checked, kept, applied
folder    a state as files, and back
documents all that the catalogue says of a few rows, from disk
beside    the encoder and BM25 that may lie beside them
"""
