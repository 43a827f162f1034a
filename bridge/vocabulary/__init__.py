"""The words that every part of the product shares: values and code lists, no behaviour. Standard library only."""
