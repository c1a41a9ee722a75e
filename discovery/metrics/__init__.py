"""What the service counts, under the names existing dashboards know."""
