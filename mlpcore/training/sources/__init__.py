"""Where the minibatches of a fit come from: arrays, memory maps, batches of the user's."""
