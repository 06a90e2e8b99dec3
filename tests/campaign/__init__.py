"""Campaigns: very many damaged and generated inputs. A sample runs in `make test`, all of them in `make soak`."""
