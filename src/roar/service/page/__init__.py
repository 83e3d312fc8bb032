"""The page: try the index, compare two systems, judge what they find.

routes     `/`, its files, `POST /judgments`
query      what an address asks for, and the address that reproduces what is seen
view       what the template shows of two answers
judging    grades that people give, kept in the contract's columns
"""

from roar.service.page.routes import page

__all__ = ["page"]
