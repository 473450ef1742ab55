"""The bytes of messages: images, sounds and files, as a program gives them and as an agent keeps them."""
