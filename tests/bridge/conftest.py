"""Its place puts `sample_forms` within reach of the tests below."""
