"""Tell whether a followed box still holds what it began on."""
