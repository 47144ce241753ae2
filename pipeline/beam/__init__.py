"""Arguments and worker processes of Apache Beam."""
