"""The words that are atoms only in quotes. Source: erl_scan:f_reserved_word_fun/0 (OTP 25)."""

from typing import Final

_WORDS = """
after and andalso band begin bnot bor bsl bsr bxor case catch cond div end fun if let not of or orelse receive rem try
when xor
"""

RESERVED: Final = frozenset(_WORDS.split())
