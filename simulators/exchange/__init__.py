"""What both simulated platforms need for the exchange: post, ids, quirks, refusals. Pure."""
