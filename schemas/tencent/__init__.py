"""What comes in: the query string and the bodies of Tencent's callbacks."""
