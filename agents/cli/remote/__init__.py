"""Commands that ask a daemon over HTTP. Without --url, it is the daemon of this user's state directory."""
