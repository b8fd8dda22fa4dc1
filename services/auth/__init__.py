"""Who is this, and did their card sign this?"""
