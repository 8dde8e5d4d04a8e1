"""What an operator writes of one service: the parts of a ScalingPolicy."""
