"""What a customer is told when the Vertex engine makes no picture."""

BLOCKED = "The engine's safety filter refused these pictures. Use another photo of the person or of the garment."
REFUSED = "The try-on engine could not work with these pictures. Use another photo of the person or of the garment."
UNUSABLE = "The try-on engine gave an answer that cannot be used. Submit the job again."
UNAVAILABLE = "The try-on engine cannot be reached or is too busy. Submit the job again in a few minutes."
TIMED_OUT = "The try-on engine took too long to answer. Submit the job again."
