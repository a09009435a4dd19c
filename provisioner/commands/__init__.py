"""One module a verb: values in, a frozen result out."""
