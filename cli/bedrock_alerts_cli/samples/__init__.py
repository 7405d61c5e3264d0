"""Sample events and alerts: account 111122223333, people and callers that never existed."""
