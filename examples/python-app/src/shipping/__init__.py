"""Says what sending a parcel costs."""
