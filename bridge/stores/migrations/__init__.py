"""How the tables of the SQL store came to be, step by step; run automatically when a store is opened."""
