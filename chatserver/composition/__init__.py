"""How the parts of each room are made of the settings; `app.build` has their order."""
