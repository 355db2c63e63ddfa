"""What ``hesbot doctor`` looks at: each module a part of the surroundings; nothing is changed."""
