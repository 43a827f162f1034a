"""What is looked at before a system is judged: pure comparisons of what it declares, offers and answers with what the run needs.

Whoever looks, opens connections and asks lies outside; here stands what the finds mean. No finding says anything of conformance: a
failure is a matter of the set-up.
"""
