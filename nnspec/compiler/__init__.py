"""From the IR to graphs: the forward pass, the training graphs, the deployable model."""
