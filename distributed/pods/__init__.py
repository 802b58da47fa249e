"""The pods of a Kubernetes job that has no launcher."""
