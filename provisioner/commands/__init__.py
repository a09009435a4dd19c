"""The use cases: values and functions in, a frozen result out."""
