"""The black-box judge: scenarios, the stages they run on, and an oracle that judges what crossed the wire."""
