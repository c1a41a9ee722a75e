"""Movement: carries resources between sources, controllers and sinks. Knows no mesh."""
