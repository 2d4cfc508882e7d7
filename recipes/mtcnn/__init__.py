"""How the weights of MTCNN that ship with eclipsed were made of those of the package mtcnn 1.0.0."""
