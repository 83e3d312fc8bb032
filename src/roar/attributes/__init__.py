"""Quantities and facts in queries and products: one reader for everybody.

units       units of measure and counted nouns of many languages, as data
words       audiences, sizes, packs, and the words that turn a fact around, as data
colours     colour words, and where they are none, as data
numbers     how numbers are written
folding     one spelling, with the way back to the place
money       prices that a shopper would pay, discounts
company     what a unit is beside other words
reader      facts out of one text
tables      facts out of many texts, and the texts without their quantities
declared    facts out of brands and JSON attributes
agreement   what queries ask for, what products state, and where the two contradict each other
"""

from roar.attributes.tables import read

__all__ = ["read"]
