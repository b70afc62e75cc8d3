"""Pictures of training and of answers."""
