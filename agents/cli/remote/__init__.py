"""Commands that ask a daemon over HTTP. Without --url it is the one of this user's state directory."""
