"""What lies on this machine: model sets, networks, CLIPs, directions and stopped trainings. No torch."""
