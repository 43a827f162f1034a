"""What a judgement looks like to people and to programs."""
