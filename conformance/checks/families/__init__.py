"""Checks that are made from a rule: one module for each family, with a function `scenarios` that yields names and texts.

A family writes down every combination that its rule speaks of, the dull ones too: a reader of the clause asks «and what if …?», and here
stands the answer. What it yields are texts of scenario files like those of the library, so they are read, replayed and judged by the
same means. Ids of families have three digits, and places in them are never given to another combination: new ones go to the end.
"""
