"""What a system under test is judged by: checks, how they are run, and what came of them."""
