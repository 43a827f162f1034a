"""One clause, one file. A file announces its rule with `conformance.oracle.clause.clause` and is found by being here."""
