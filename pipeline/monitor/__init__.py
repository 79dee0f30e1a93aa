"""What a running job shows: progress, heartbeat, metrics."""
