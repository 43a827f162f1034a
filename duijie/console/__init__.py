"""The web console: both platforms' desks, the bridge and what crosses between them, on pages that a person can read and act on.

It holds no rule of its own. What a role may do with a case is what its platform says on its work list; an act is handed to the
platform as the control port would hand it, and what the platform refuses is shown in its own words.
"""
