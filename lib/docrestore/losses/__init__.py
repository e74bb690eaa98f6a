"""Losses: functions of tensors, one number out."""
