"""What waits: connections, the limiter, calls, bulk runs. Knows no resource."""
