"""What was asked for, and how far is it?"""
