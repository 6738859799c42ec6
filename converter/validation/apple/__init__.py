"""What Apple's validator computes before it judges: shapes, ranks, weights, feature types."""
