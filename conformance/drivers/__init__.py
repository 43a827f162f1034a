"""How a system under test is made to act, and asked what it believes. The verdict always comes from the wire."""
