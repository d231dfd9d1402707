"""What the user wrote, read and made safe."""
