"""Reports for people: the same sheets in the terminal, as CSV, as a workbook and as a page.

figures ──► sheets (names, numbers, rates, definitions) ──► terminal │ csv │ workbook │ page
lists   ──► one file an indicator, written on the way ──────────────► csv │ workbook │ page
"""
