"""What a job is and does: fingerprint, ledger, run, retry, check, verify."""
