"""From files to a track store: plan, shards, commit, resume, on Ray or in local processes."""
