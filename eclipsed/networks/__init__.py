"""Pure modules and ops: no files, no devices picked, no defaults of policy."""
