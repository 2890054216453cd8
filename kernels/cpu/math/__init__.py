"""Vector mathematics: one short file a family of functions, each of a vector of either dtype."""
