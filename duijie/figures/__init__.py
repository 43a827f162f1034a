"""Statistics and evaluation: from what was recorded of each case to figures with their case lists (STAT-1…4, INT-3, MUNI-5).

    a trace ─┐
    journal ─┼─► forms ─► cases ─► indicators ─► sections: counts, rates, and the list behind each number
    books ───┘   casebook ─┘

The way is one case at a time, so a city of any size needs the memory of its counts alone. A figure belongs to the period in
which the thing counted happened or was due, and is the figure as of the period's end: what happened later cannot change it.
Nothing here knows a simulator, the bridge or the judge; what limits the steps have is told from outside.
"""
