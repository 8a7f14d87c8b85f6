"""The HTTP floor: translate, call one service, translate back."""
